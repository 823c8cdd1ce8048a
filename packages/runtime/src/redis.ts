export { reconnectingOptions, RedisConnection } from './redis-connection.js';
