export { provideEmptyQueue } from './empty-queue.js';
export { redisSkipReason, RedisServer } from './redis-server.js';
export { TcpProxy } from './tcp-proxy.js';
