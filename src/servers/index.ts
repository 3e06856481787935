export { type PostgresOptions, startPostgres } from './postgres.ts';
export { type RedisOptions, startRedis } from './redis.ts';
export { type RedisCluster, startRedisCluster } from './redis-cluster.ts';
export type { PostgresServer, RedisServer, StopMode } from './server.ts';
