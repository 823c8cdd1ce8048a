import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * `npm start`: compiles what the embedded service needs and runs it in this process. The models are built as soon as their
 * builder is compiled, beside the rest. Nothing is done that has been done before.
 */

await run('inherit', 'scripts/build.js', 'packages/bundle-builder');
// Lines of both, one after the other: a progress line that one rewrites would hide the other's.
await Promise.all([
  run('pipe', 'packages/bundle-builder/dist/cli.js'),
  run('pipe', 'scripts/build.js', 'packages/cli', 'packages/playground', 'services/standalone'),
]);
await import('../services/standalone/dist/main.js');

/** Runs a script of ours; this process ends as it does when it fails. */
async function run(output, ...script) {
  const child = spawn(process.execPath, script, { stdio: ['inherit', output, 'inherit'] });
  child.stdout?.pipe(process.stdout);
  const [code] = await once(child, 'close');
  if (code !== 0) process.exit(code ?? 1);
}
