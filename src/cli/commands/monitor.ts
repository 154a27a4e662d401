import type { CliCommand } from '../command.ts';
import { nodeOptions, nodesOf, withClient } from '../connect.ts';
import { every } from '../every.ts';
import { ExitCode, usageError } from '../exit.ts';
import type { Io } from '../io.ts';
import { type Change, Observer, type View } from '../monitor/observer.ts';
import { changeJson, changeText, picture, sampleJson, sampleLine } from '../monitor/render.ts';
import { ASK_MS, askAll } from '../node-status.ts';
import { jsonOption } from '../output.ts';
import { Screen } from '../screen.ts';

const INTERVAL = '1s';
const INTERVAL_MS_MIN = 100;
/** More than any terminal has rows. */
const CHANGES_MAX = 200;

export const monitorCommand: CliCommand = {
  name: 'monitor',
  group: 'cluster',
  summary: 'Watches the whole cluster live: roles, progress, load, and every change of leader.',
  usage: '[--interval TIME] [--json]',
  description: [
    'On a terminal: a picture, redrawn at every interval, until Ctrl-C; the changes that were seen stay',
    'behind. Anywhere else: a line for every interval and every change. With --json each is an object',
    'with time and kind: "sample" (leader, term, entriesPerSecond, members), "leader" (name, term,',
    'withoutMs), "no-leader" (previous), "down" and "up" (name).',
    'ENTRIES/S is how fast the commit index grows: writes, and reads too, since they go through the log.',
    'It sees what STATUS says at each interval: two changes of leader between two looks are one.',
  ],
  examples: [
    'dkvs monitor',
    'dkvs monitor --interval 200ms',
    'dkvs monitor --json | grep \'"kind":"leader"\'',
  ],
  options: [
    ...nodeOptions,
    jsonOption,
    {
      name: 'interval',
      kind: 'duration',
      placeholder: 'TIME',
      summary: 'between two looks',
      fallback: INTERVAL,
    },
  ],
  async run({ settings, positionals }, io) {
    if (positionals.length > 0) throw usageError(`monitor takes no argument: ${positionals[0]}`);
    const intervalMs = settings.duration('interval', INTERVAL_MS_MIN);
    const askMs = Math.min(ASK_MS, settings.duration('timeout', 1));
    const display = displayOn(io, settings.flag('json'));
    const observer = new Observer();
    let leader: string | null = null;
    try {
      await withClient(settings, (client) =>
        every(io, intervalMs, async () => {
          const reports = await askAll(client, nodesOf(settings), askMs);
          const sample = { at: new Date(), atMs: performance.now(), reports };
          const { view, changes } = observer.take(sample);
          leader = view.leader;
          display.show(view, changes);
        }),
      );
    } finally {
      display.close();
    }
    return leader === null ? ExitCode.Unavailable : ExitCode.Ok;
  },
};

interface Display {
  show(view: View, changes: readonly Change[]): void;
  close(): void;
}

function displayOn(io: Io, isJson: boolean): Display {
  if (io.stdout.isTty && !isJson) return new PictureDisplay(io);
  return {
    show(view, changes) {
      const lines = isJson
        ? [...changes.map(changeJson), sampleJson(view)]
        : [...changes.map(changeLine), sampleLine(view)];
      io.stdout.write(lines.map((line) => `${line}\n`).join(''));
    },
    close() {
      // Every line stands where it was printed.
    },
  };
}

const changeLine = (change: Change): string => {
  return `${change.at.toISOString()}  ${changeText(change)}`;
};

class PictureDisplay implements Display {
  private readonly io: Io;
  private readonly screen: Screen;
  private readonly changes: Change[] = [];

  constructor(io: Io) {
    this.io = io;
    this.screen = new Screen(io);
  }

  show(view: View, changes: readonly Change[]): void {
    this.changes.push(...changes);
    this.changes.splice(0, Math.max(0, this.changes.length - CHANGES_MAX));
    this.screen.show(picture(this.io, view, this.changes));
  }

  close(): void {
    this.screen.close(this.changes.map(changeLine));
  }
}
