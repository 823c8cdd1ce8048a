import { BundleError } from '@tessera/inference';
import { SharedDataError } from '../data/shared-data.js';

/** Runs a command; what is missing on this machine is said in one line, and the process exits with 1. */
export async function runCommand(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof SharedDataError || error instanceof BundleError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
