import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { catchUp, type Play, verify } from './play.ts';
import { TypedLine } from './typed-line.ts';
import { acknowledgementBars, longestSilence } from './writers.ts';

export async function actOfTheStart({ stage, cast }: Play): Promise<void> {
  await stage.act('Three processes, one log');
  const startMs = performance.now();
  await cast.start(...cast.names);
  const pids = cast.names.map((name) => `${name} (pid ${cast.pid(name)})`).join(', ');
  stage.tell(`${pids} take clients`);
  const { name, term } = await cast.leader();
  stage.measure('three nodes started, and a leader elected', performance.now() - startMs);
  stage.tell(`${name} leads in term ${term}`);
  await stage.pause(500);
  const set = await cast.cli('set', 'greeting', 'hello');
  stage.shell('dkvs set greeting hello', set.stdout + set.stderr);
  stage.check(set.code === 0 && set.stdout === 'OK\n', 'OK: a majority has fsynced it');
  stage.shell('dkvs status', (await cast.cli('status')).stdout);
}

export async function actOfTheRedirect({ stage, cast }: Play): Promise<void> {
  await stage.act('Any node may be asked');
  const leader = await cast.leader();
  const follower = cast.others(leader.name)[0]!;
  const { port } = cast.member(follower);
  const line = await TypedLine.open(cast.member(follower));
  const answer = await line.ask('GET greeting');
  line.close();
  stage.tell(`a line typed into a socket of ${follower}, as with nc 127.0.0.1 ${port}:`);
  stage.wire('sent', 'GET greeting\r\n');
  stage.wire('came', answer);
  const expected = `-REDIRECT 127.0.0.1:${cast.member(leader.name).port}\r\n`;
  stage.check(answer === expected, `${follower} does not lead, and names ${leader.name}, who does`);
  await stage.pause(500);
  const get = await cast.cli('get', 'greeting', `--connect=127.0.0.1:${port}`);
  stage.shell(`dkvs get greeting --connect 127.0.0.1:${port}`, get.stdout + get.stderr);
  stage.check(get.stdout === 'hello\n', 'the command line follows by itself');
}

export async function actOfTheKill(play: Play): Promise<void> {
  const { stage, cast, writers, loadMs } = play;
  await stage.act('kill -9 of the leader, in mid-flight');
  writers.start();
  stage.tell(`${writers.count} writers: SET of keys used once, INCR of two counters`);
  await sleep(loadMs);
  const leader = await cast.leader();
  const perSecond = Math.round((writers.acknowledgedAtMs.length / loadMs) * 1000);
  stage.tell(`${writers.acknowledgedAtMs.length} writes acknowledged, ${perSecond} a second`);
  const killMs = await killInFlight(play, leader.name);
  const next = await cast.leader();
  stage.tell(`${next.name} leads in term ${next.term}`);
  await sleep(loadMs);
  tellOfTheGap(play, killMs);
  await catchUp(play, leader.name);
  await writers.stop();
  await verify(play);
}

/** Waits for a moment when most writers wait for an answer: that is when a kill hurts most. */
async function killInFlight({ stage, cast, writers }: Play, leader: string): Promise<number> {
  const patienceMs = performance.now() + 100;
  while (writers.inFlight < writers.count * 0.75 && performance.now() < patienceMs) await turn();
  const { inFlight } = writers;
  const killMs = performance.now();
  await cast.kill(leader);
  stage.tell(`kill -9 ${leader}, the leader, with ${inFlight} writes in flight`);
  return killMs;
}

/** How long nobody got an answer, as the clients saw it. */
function tellOfTheGap({ stage, writers }: Play, killMs: number): void {
  const { acknowledgedAtMs, slowestMs } = writers;
  const nowMs = performance.now();
  const gap = longestSilence(acknowledgedAtMs, killMs - 100, nowMs);
  const hasEnded = gap.fromMs + gap.ms < nowMs;
  stage.measure('kill -9 of the leader: no write was acknowledged for', gap.ms);
  stage.measure('kill -9 of the leader: the slowest of all writes took', slowestMs);
  stage.more('acknowledgements, 20 ms a column, from 200 ms before the kill:');
  stage.more(acknowledgementBars(acknowledgedAtMs, killMs - 200, killMs + 1000, 20));
  stage.more(`${' '.repeat(10)}↑ kill -9`);
  stage.check(hasEnded, `no write was acknowledged for ${Math.round(gap.ms)} ms, then all went on`);
}
