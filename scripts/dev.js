import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { compiler, compilerEnvironment } from './compiler.js';

/**
 * `npm run dev`: the embedded server, started anew after every change that compiles, in whichever package it is. A change
 * with type errors leaves the running server alone. Ctrl-C ends everything.
 */

// A restart waits for running jobs, but not for long.
const environment = { TESSERA_DRAIN_S: '2', ...compilerEnvironment };
const running = new Set();
let server;
let isRestarting = false;
let hasChanged = false;
let isStopping = false;

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stop);

await once(run('inherit', 'scripts/build.js'), 'exit');
const watcher = run('pipe', ...compiler, '--watch', '--preserveWatchOutput', '--pretty');
for await (const line of createInterface(watcher.stdout)) {
  if (line.trim() !== '') console.log(line);
  if (!line.includes('Found 0 errors')) continue;
  hasChanged = true;
  void restart();
}
stop();

/** Restarts once more for changes that come during a restart. */
async function restart() {
  if (isRestarting) return;
  isRestarting = true;
  while (hasChanged && !isStopping) {
    hasChanged = false;
    await end(server);
    const [code] = await once(run('inherit', 'packages/bundle-builder/dist/cli.js'), 'exit');
    if (isStopping || hasChanged) continue;
    if (code === 0) server = serve();
    else console.log('[dev] The models could not be built; the next change tries again.');
  }
  isRestarting = false;
}

function serve() {
  console.log('[dev] starting the server');
  const child = run('inherit', 'services/standalone/dist/main.js');
  child.once('exit', (code) => {
    if (child === server && !isStopping) console.log(`[dev] The server ended (${code}); the next change starts it.`);
  });
  return child;
}

async function end(child) {
  server = undefined;
  if (child === undefined || !running.has(child)) return;
  console.log('[dev] stopping the server');
  child.kill('SIGTERM');
  await once(child, 'exit');
}

function run(output, ...command) {
  // Detached, so that Ctrl-C reaches a process once, from here: a second signal would cut its drain short.
  const child = spawn(process.execPath, command, {
    env: environment,
    stdio: ['ignore', output, 'inherit'],
    detached: true,
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Ends everything, at the second time without waiting for running jobs. */
function stop() {
  const signal = isStopping ? 'SIGKILL' : 'SIGTERM';
  isStopping = true;
  // Each is a group of its own: the compiler that watches is the child of a script.
  for (const { pid } of running) {
    try {
      process.kill(-pid, signal);
    } catch {
      // It has just ended by itself.
    }
  }
}
