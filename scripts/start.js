import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * `npm start`: compiles what the embedded service needs and runs it in this process. The models are built as soon as their
 * builder is compiled, beside the rest. Nothing is done that has been done before.
 */

/** The end of each script that runs. */
const running = new Map();

await run('inherit', 'scripts/build.js', 'packages/bundle-builder');
// Lines of both, one after the other: a progress line that one rewrites would hide the other's.
await Promise.all([
  run('pipe', 'packages/bundle-builder/dist/cli.js'),
  run('pipe', 'scripts/build.js', 'packages/cli', 'packages/playground', 'services/standalone'),
]);
await import('../services/standalone/dist/main.js');

/** Runs a script of ours; when it fails, this process ends as it does, once the others have ended without a further line. */
async function run(output, ...script) {
  const child = spawn(process.execPath, script, { stdio: ['inherit', output, 'inherit'] });
  child.stdout?.pipe(process.stdout);
  const closed = once(child, 'close');
  running.set(child, closed);
  const [code] = await closed;
  running.delete(child);
  if (code === 0) return;
  for (const { stdout } of running.keys()) stdout?.unpipe().resume();
  await Promise.all(running.values());
  process.exit(code ?? 1);
}
