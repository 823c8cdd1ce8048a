// Runs beside the inference process's main thread, which sees nothing while a run blocks it: not even that its
// supervisor died. Without this thread a run that never ends would outlive the service.
import { workerData } from 'node:worker_threads';

const CHECK_INTERVAL_MS = 500;

setInterval(() => {
  if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL');
}, CHECK_INTERVAL_MS);
