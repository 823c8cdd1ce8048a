import { readdir, readFile } from 'node:fs/promises';

const ticksPerSecond = 100;

/** CPU time of processes and of all that they started and that still run (Linux), in milliseconds. */
export async function cpuMsOf(roots: readonly number[]): Promise<number> {
  const processes = new Map<number, { readonly parent: number; readonly ticks: number }>();
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    // The name, in parentheses, may have spaces.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [, parent = 0] = fields;
    const [user = 0, system = 0] = fields.slice(11, 13);
    processes.set(Number(entry), { parent, ticks: user + system });
  }
  const belongs = (pid: number): boolean => {
    if (roots.includes(pid)) return true;
    const parent = processes.get(pid)?.parent ?? 0;
    return parent > 1 && belongs(parent);
  };
  const ticks = [...processes].reduce((sum, [pid, own]) => sum + (belongs(pid) ? own.ticks : 0), 0);
  return (1000 * ticks) / ticksPerSecond;
}
