#!/usr/bin/env node
import { existsSync } from 'node:fs';

const main = new URL('../build/src/cli/main.js', import.meta.url);
if (existsSync(main)) {
  const { runProcess } = await import(main.href);
  await runProcess(process.argv.slice(2));
} else {
  console.error('dkvs: not built yet; `npm run build` builds it, `npm start` builds and runs it');
  process.exitCode = 1;
}
