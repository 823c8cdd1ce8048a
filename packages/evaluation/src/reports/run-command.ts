import { BundleError } from '@tessera/inference';
import { SharedDataError } from '../data/shared-data.js';

/** Runs a command; when a data set or a bundle is missing, prints one line and makes the process exit with 1. */
export async function runCommand(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof SharedDataError || error instanceof BundleError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
