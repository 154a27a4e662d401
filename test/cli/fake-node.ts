// Stands in for `dkvs serve` in tests of what supervises it: takes the same flags, says ready,
// answers STATUS as a leader, and does as DKVS_FAKE tells it: `crash` at the start, be `deaf` to
// SIGTERM, say nothing (`mute`), or log an error while it runs (`rot`).

import { bulk, FakeServer } from './fake-server.ts';

const flags = new Map(
  process.argv.flatMap((arg) => {
    const match = /^--([a-z]+)=(.*)$/.exec(arg);
    return match === null ? [] : [[match[1]!, match[2]!] as const];
  }),
);
const name = flags.get('name') ?? '';
const self = (flags.get('cluster') ?? '')
  .split(',')
  .find((member) => member.startsWith(`${name}=`));
const port = Number(/:(\d+)@/.exec(self ?? '')?.[1]);
const [fakedName, fake] = (process.env['DKVS_FAKE'] ?? '').split(':');
const behaviour = fakedName === name ? fake : '';

if (behaviour === 'crash') {
  process.stderr.write('{"level":"info","message":"starting"}\n');
  process.stderr.write('dkvs: the directory is locked\n  is another node running?\n');
  process.exit(1);
}
const status = { name, address: `127.0.0.1:${port}`, role: 'leader', term: 1, commitIndex: 2 };
await FakeServer.listen(() => bulk(JSON.stringify({ ...status, members: [] })), port);
process.stdin.on('end', () => process.exit(0)).resume();
process.on('SIGTERM', () => {
  if (behaviour !== 'deaf') process.exit(0);
});
if (behaviour === 'rot') {
  const log = (level: string, message: string) => {
    process.stderr.write(`${JSON.stringify({ level, message })}\n`);
  };
  log('info', 'an election');
  log('error', 'rot was found');
}
if (behaviour !== 'mute') process.stdout.write(`ready ${name} 127.0.0.1:${port}\n`);
