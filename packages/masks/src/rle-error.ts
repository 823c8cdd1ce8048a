/** A run-length encoding that describes no mask: malformed, inconsistent with its size, or over the limits. */
export class RleError extends Error {
  override readonly name = 'RleError';
}
