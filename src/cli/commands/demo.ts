import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installNodeNative } from '../../node/native.ts';
import type { CliCommand } from '../command.ts';
import { actOfTheKill, actOfTheRedirect, actOfTheStart } from '../demo/acts-failover.ts';
import { actOfTheMinority, actOfTheOtherFate } from '../demo/acts-majority.ts';
import { actOfTheLogs, actOfTheTornTail } from '../demo/acts-torn.ts';
import { Cast } from '../demo/cast.ts';
import { Ledger } from '../demo/ledger.ts';
import type { Play } from '../demo/play.ts';
import { Stage } from '../demo/stage.ts';
import { Writers } from '../demo/writers.ts';
import { CliError, ExitCode, usageError } from '../exit.ts';
import type { Io } from '../io.ts';
import { checkPorts, freeMembers, localMembers } from '../local-ports.ts';
import type { MemberAddress } from '../members.ts';
import type { Settings } from '../settings.ts';

const NODES = 3;
const WRITERS = 8;
const LOAD_MS = 1500;
const FAST_LOAD_MS = 400;

export const demoCommand: CliCommand = {
  name: 'demo',
  group: 'cluster',
  summary: 'Plays the failover story, live: write, kill -9 the leader, verify, and more.',
  usage: '[--fast] [--keep] [--port PORT]',
  description: [
    'Starts three nodes on this machine, real processes with real files, and does to them what the',
    'world does: kill -9 of the leader under load, two of three gone, a log torn in the middle of a',
    'write. It measures what clients see, compares every answer with what is found later, and ends',
    'with a verdict. Takes about half a minute. Exits with 1 if anything was lost or a step failed.',
    'Ctrl-C ends it at any time; no process stays behind.',
  ],
  examples: ['dkvs demo', 'dkvs demo --fast', 'dkvs demo --port 8001 --keep'],
  options: [
    {
      name: 'port',
      kind: 'count',
      placeholder: 'PORT',
      summary: 'of the first node (default: from 7101 on, the first that are free)',
    },
    { name: 'fast', kind: 'flag', placeholder: '', summary: 'less load, and no pauses to read in' },
    { name: 'keep', kind: 'flag', placeholder: '', summary: 'keep the data directories' },
  ],
  async run({ settings, positionals }, io) {
    if (positionals.length > 0) throw usageError(`demo takes no argument: ${positionals[0]}`);
    const options = { isFast: settings.flag('fast'), isKept: settings.flag('keep') };
    return await runDemo(await membersOf(settings), options, io);
  },
};

async function membersOf(settings: Settings): Promise<readonly MemberAddress[]> {
  if (!settings.has('port')) return await freeMembers(NODES);
  const members = localMembers(settings.count('port', 1, 65_535), NODES);
  await checkPorts(members, 'dkvs demo');
  return members;
}

interface DemoOptions {
  readonly isFast: boolean;
  readonly isKept: boolean;
}

const acts = [
  actOfTheStart,
  actOfTheRedirect,
  actOfTheKill,
  actOfTheMinority,
  actOfTheOtherFate,
  actOfTheTornTail,
  actOfTheLogs,
];

/** @returns the exit code. @throws CliError when the story could not be played to its end. */
async function runDemo(
  members: readonly MemberAddress[],
  { isFast, isKept }: DemoOptions,
  io: Io,
): Promise<number> {
  installNodeNative();
  const directory = mkdtempSync(join(tmpdir(), 'dkvs-demo-'));
  const stage = new Stage(io, isFast);
  const cast = new Cast(members, directory);
  const ledger = new Ledger();
  const writers = new Writers(cast.addresses, ledger, WRITERS);
  const play: Play = { stage, cast, ledger, writers, loadMs: isFast ? FAST_LOAD_MS : LOAD_MS };
  stage.say('DKVS, the failover story: three nodes, real processes, real files, real fsyncs');
  stage.say(`data in ${directory}${isKept ? '' : ', removed at the end'}`);
  let stop = () => {};
  const stopped = new Promise<'interrupted'>((resolve) => {
    stop = () => resolve('interrupted');
  });
  const release = io.onStop(stop);
  const ending = await Promise.race([playAll(play), stopped, cast.broken]);
  if (ending === 'played') stage.curtain(ledger.acknowledged);
  stage.isOver = true;
  writers.close();
  await cast.close();
  release();
  const isGood = ending === 'played' && stage.failures.length === 0;
  // What went wrong can be looked into.
  const stays = isKept || !(isGood || ending === 'interrupted');
  if (stays) io.stdout.write(`the data stays in ${directory}\n`);
  else rmSync(directory, { recursive: true, force: true });
  if (ending === 'interrupted') throw new CliError(ExitCode.Other, 'interrupted');
  if (ending instanceof Error) throw new CliError(ExitCode.Other, `broken off: ${ending.message}`);
  return isGood ? ExitCode.Ok : ExitCode.Other;
}

/** Never rejects: whatever ends the story is its ending. */
async function playAll(play: Play): Promise<'played' | Error> {
  try {
    for (const act of acts) await act(play);
    return 'played';
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
