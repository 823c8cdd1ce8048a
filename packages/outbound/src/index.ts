export { guardedAgent } from './guarded-agent.js';
export {
  checkOutboundUrl,
  defaultOutboundPolicy,
  OutboundError,
  type OutboundPolicy,
  type ResolvedAddress,
} from './outbound-policy.js';
export { retryAfterMs } from './retry-after.js';
