import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { defaultLimits } from '../../src/base/limits.ts';
import { NodeDisk } from '../../src/node/disk.ts';
import { isRefusal } from '../../src/storage/refusal.ts';
import { Storage } from '../../src/storage/storage.ts';
import { directory, someStart } from '../storage/world.ts';

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'dkvs-kill-'));
after(() => fs.rmSync(root, { recursive: true }));

const limits = { ...defaultLimits, segmentBytes: 64 * 1024, batchBytesMax: 32 * 1024 };
const module = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);

/** Appends for ever, and says on its standard output which entry is durable. */
const WRITER = `
  import fs from 'node:fs';
  import { NodeDisk } from ${module('../../src/node/disk.js')};
  import { Storage } from ${module('../../src/storage/storage.js')};
  import { entries, request, someStart } from ${module('../storage/world.js')};
  const disk = new NodeDisk(process.argv[1]);
  const storage = Storage.open(disk, ${JSON.stringify(limits)}, someStart);
  if ('remedy' in storage) throw new Error(storage.message);
  let last = storage.recovered.lastIndex;
  let sequence = 0;
  const ends = new Map();
  const more = () => {
    const count = 1 + (sequence % 7);
    storage.persist(request(++sequence, { entries: entries(last + 1, last + count, 1, 900) }));
    ends.set(sequence, (last += count));
  };
  storage.onFatal = (error) => { throw error; };
  storage.onPersisted = (done) => {
    fs.writeSync(1, ends.get(done) + '\\n');
    more();
    more();
  };
  more();
`;

test('a writer killed again and again: every entry it called durable is there', async () => {
  const name = path.join(root, 'data');
  fs.mkdirSync(name);
  Storage.create(new NodeDisk(name), limits, directory);
  let promised = 0;
  for (let round = 1; round <= 5; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, name], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
      if (said.length > 40 * round) child.kill('SIGKILL');
    });
    await once(child, 'close');
    // The last line may be cut short.
    promised = Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1));
    const storage = Storage.open(new NodeDisk(name), limits, someStart);
    if (isRefusal(storage)) assert.fail(storage.message);
    assert.ok(promised > 0 && storage.recovered.lastIndex >= promised);
    await new Promise<void>((resolve) => storage.close(resolve));
  }
});
