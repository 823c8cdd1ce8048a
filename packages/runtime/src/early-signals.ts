/**
 * Ends the process at once when it is told to stop while its modules load. A service imports this module before all others: the first
 * process of a container, unlike others, loses signals that nothing handles.
 */
const signals = ['SIGINT', 'SIGTERM'] as const;

const end = () => process.exit(0);

for (const signal of signals) process.once(signal, end);

/** Leaves the signals to those who handle them from now on. */
export function endEarlySignals(): void {
  for (const signal of signals) process.off(signal, end);
}
