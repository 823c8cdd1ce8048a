#!/usr/bin/env node
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath, URL } from 'node:url';

const commandLine = new URL('../dist/cli.js', import.meta.url);
if (!existsSync(commandLine)) {
  console.error('Compiling the command line, this once …');
  const { status } = spawnSync(process.execPath, ['scripts/build.js', 'packages/cli'], {
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) {
    console.error('It does not compile: run npm ci and npm run build in the repository.');
    process.exit(1);
  }
}
await import(commandLine.href);
