import { readFileSync } from 'node:fs';

/** Resident memory of a process in bytes. */
export interface ProcessMemory {
  readonly resident: number;
  /** The largest that it was so far. */
  readonly peak: number;
}

/** From `/proc/<pid>/status` (proc(5)); undefined for a process that has ended, and on systems other than Linux. */
export function processMemory(pid: number): ProcessMemory | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const bytes = (field: string) => 1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
    const memory = { resident: bytes('VmRSS'), peak: bytes('VmHWM') };
    return Number.isNaN(memory.resident) ? undefined : memory;
  } catch {
    return undefined;
  }
}
