export { type Address, parseAddress } from './address.ts';
export { type Boards, createBoards, readBoards } from './boards.ts';
export { isOutage, redisError } from './errors.ts';
export { type ServerFacts, serverFacts } from './facts.ts';
export { commonPattern, compileGlob } from './glob.ts';
export { isInternal, type Key, leaseOf, leaseSharesSlot, slotOf, toKey } from './keys.ts';
export { openRedis, type RedisClient, type RedisConnection, type RedisNode, type RedisRole } from './open.ts';
export { OutageLog } from './outage.ts';
export { createOwed, type Owed } from './owed.ts';
