import type { Cast } from './cast.ts';
import { compareLogs, readLog, tearTail } from './logs.ts';
import { catchUp, type Play, verify } from './play.ts';

export async function actOfTheTornTail(play: Play): Promise<void> {
  const { stage, cast } = play;
  await stage.act('A torn log');
  const leader = (await cast.leader()).name;
  const name = cast.others(leader)[0]!;
  await cast.stop(name);
  const { bytes, batch } = tearTail(cast.dataOf(name));
  stage.tell(`${name} is stopped, and its log torn by hand: behind its end, the first ${bytes}`);
  stage.more(`bytes of a batch of ${batch}, as if the power had failed in the middle of a write`);
  const verdict = await cast.cli('wal', 'verify', name);
  stage.shell(`dkvs wal verify ${name}`, verdict.stdout + verdict.stderr);
  stage.check(verdict.code === 0 && /torn tail/.test(verdict.stdout), 'torn, not rotten');
  await stage.pause(500);
  await catchUp(play, name);
  const logged = cast.logMessage(name, 'recovered') ?? '';
  stage.more(`${name} logged:`);
  for (const part of logged.split('; ')) stage.more(`  ${part}`);
  stage.check(/cut a torn tail of \d+ bytes/.test(logged), 'what nobody was promised is cut off');
  await sameState(play, leader, name);
}

/** The revision counts every change of a key since the beginning. */
async function sameState({ stage, cast }: Play, leader: string, name: string): Promise<void> {
  const of = await cast.facts(leader);
  const here = await cast.untilApplied(name, of.lastApplied);
  const isSame = here.revision === of.revision && here.keys === of.keys;
  const text = `revision ${here.revision}, ${here.keys} keys`;
  stage.check(isSame, `${name} is where ${leader} is: entry ${here.lastApplied}, ${text}`);
}

export async function actOfTheLogs(play: Play): Promise<void> {
  const { stage, cast } = play;
  await stage.act('The three logs, side by side');
  await verify(play);
  const leader = (await cast.leader()).name;
  const committed = (await cast.facts(leader)).commitIndex;
  for (const name of cast.names) await cast.untilApplied(name, committed);
  await Promise.all(cast.names.map((name) => cast.stop(name)));
  stage.tell('all three are stopped; their logs are read from the disk');
  const { common, differsAt } = compareLogs(cast.names.map((name) => logOf(cast, name)));
  const isSame = differsAt === null && common >= committed;
  const found = isSame ? `${common} entries, byte for byte the same` : `different at ${differsAt}`;
  stage.check(isSame, `three logs: ${found}`);
}

const logOf = (cast: Cast, name: string) => readLog(cast.dataOf(name)).entries;
