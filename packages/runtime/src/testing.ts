export { redisSkipReason, RedisServer } from './redis-server.js';
