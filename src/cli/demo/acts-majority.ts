import type { NodeFacts } from './cast.ts';
import { catchUp, type Play, verify } from './play.ts';
import type { Stage } from './stage.ts';
import { fateOf, TypedLine } from './typed-line.ts';

/** Two of three die; the one that is left has appended a write, and may neither commit it nor
 *  forget it. When one comes back, the log decides. */
export async function actOfTheMinority(play: Play): Promise<void> {
  const { stage, cast, ledger } = play;
  await stage.act('Two of three are gone');
  const leader = (await cast.leader()).name;
  const [first, second] = cast.others(leader) as [string, string];
  const appended = await TypedLine.open(cast.member(leader));
  const refused = await TypedLine.open(cast.member(leader));
  const { sentMs, answer } = await writeIntoNothing(play, leader, appended, 'unknown:1');
  stage.tell(`kill -9 ${first} and ${second}; ${leader}, still the leader, is asked to write`);
  stage.wire('sent', `SET unknown:1 maybe\r\n`);
  const unknown = answer.then((text) => {
    stage.measure('two of three down: until UNKNOWN', performance.now() - sentMs);
    return text;
  });
  await cast.untilFacts(leader, 'to step down', ({ role }) => role !== 'leader');
  stage.tell(`${leader} hears from nobody, and has stepped down`);
  const cli = cast.cli('set', 'refused:2', 'never');
  const refusedMs = performance.now();
  const refusal = await refused.ask('SET refused:1 never');
  stage.measure('two of three down: until CLUSTERDOWN', performance.now() - refusedMs);
  stage.tell(`what is written from now on is refused, nothing is appended:`);
  stage.wire('sent', 'SET refused:1 never\r\n');
  stage.wire('came', refusal);
  ledger.wrote('refused:1', 'never', fateOf(refusal));
  stage.check(fateOf(refusal) === 'refused', 'CLUSTERDOWN: not applied, for certain');
  tellUnknown(stage, await unknown);
  ledger.wrote('unknown:1', 'maybe', fateOf(await unknown));
  stage.check(fateOf(await unknown) !== 'acknowledged', 'nothing is acknowledged by a minority');
  const { code, stderr } = await cli;
  stage.shell('dkvs set refused:2 never; echo $?', `${stderr}${code}`);
  ledger.wrote(
    'refused:2',
    'never',
    code === 5 ? 'refused' : code === 0 ? 'acknowledged' : 'unknown',
  );
  stage.check(code === 5, 'exit code 5: unavailable, nothing applied');
  appended.close();
  refused.close();
  await bringBack(play, leader, first, second);
}

function tellUnknown(stage: Stage, answer: string | null): void {
  stage.tell('and the answer to what had been appended before:');
  stage.wire('came', answer);
}

async function bringBack(play: Play, leader: string, first: string, second: string) {
  const { stage, cast } = play;
  const startMs = performance.now();
  await cast.start(first);
  const next = await cast.leader();
  const value = await cast.get('unknown:1');
  stage.measure(
    'one of the two started again: until a read was answered',
    performance.now() - startMs,
  );
  stage.tell(`${first} is back: two of three, and ${next.name} leads in term ${next.term}`);
  const fate = value === null ? 'was not applied' : 'was applied after all';
  stage.tell(`GET unknown:1 says ${JSON.stringify(value)}: what was UNKNOWN ${fate}`);
  stage.more(`(it stood in ${leader}'s log, and whoever lacked it could not win the vote)`);
  await catchUp(play, second);
  await verify(play);
}

/** The same again, but the node that had appended the write dies too, and the others go on without
 *  it: the other way in which an UNKNOWN can end. */
export async function actOfTheOtherFate(play: Play): Promise<void> {
  const { stage, cast, ledger } = play;
  await stage.act('The other fate of an UNKNOWN');
  const leader = (await cast.leader()).name;
  const others = cast.others(leader) as [string, string];
  const line = await TypedLine.open(cast.member(leader));
  const before = (await cast.facts(leader)).lastIndex;
  const { answer } = await writeIntoNothing(play, leader, line, 'unknown:2');
  const isAppended = (now: NodeFacts) => now.lastIndex > before;
  const facts = await cast.untilFacts(leader, 'to append the write', isAppended);
  stage.tell(
    `again two are gone, and ${leader} has appended SET unknown:2 as entry ${facts.lastIndex}`,
  );
  await cast.kill(leader);
  stage.wire('came', await answer);
  ledger.wrote('unknown:2', 'maybe', fateOf(await answer));
  stage.tell(`kill -9 ${leader} too: none is left, and its client knows nothing`);
  const startMs = performance.now();
  await cast.start(...others);
  const next = await cast.leader();
  const value = await cast.get('unknown:2');
  stage.measure(
    'all killed, two started again: until a read was answered',
    performance.now() - startMs,
  );
  stage.tell(
    `${others.join(' and ')} are back without it, ${next.name} leads in term ${next.term}`,
  );
  stage.check(
    value === null,
    'GET unknown:2 finds nothing: it was never applied, and never will be',
  );
  await catchUp(play, leader);
  await cast.untilCut(leader, facts.lastIndex);
  stage.tell(`${leader} has cut its entry ${facts.lastIndex} off, for the one that took its place`);
  await verify(play);
}

/**
 * Kills both followers, and writes to the leader before it can know: it appends, and nobody is left
 * to replicate to. The last follower gets its signal before the write leaves this process.
 */
async function writeIntoNothing({ cast }: Play, leader: string, line: TypedLine, key: string) {
  const [first, second] = cast.others(leader) as [string, string];
  await cast.kill(first);
  const gone = cast.kill(second);
  const sentMs = performance.now();
  const answer = line.ask(`SET ${key} maybe`);
  await gone;
  return { sentMs, answer };
}
