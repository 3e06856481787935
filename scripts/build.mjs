// Compiles src to dist and copies what is not TypeScript (Lua scripts) beside it.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, rmSync } from 'node:fs';

if (!existsSync('node_modules/typescript')) {
  // A production install (--omit=dev) has no compiler and brings dist along.
  process.exit(existsSync('dist/main.js') ? 0 : 1);
}
rmSync('dist', { recursive: true, force: true });
const tsc = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
});
if (tsc.status !== 0) process.exit(tsc.status ?? 1);
cpSync('src', 'dist', { recursive: true, filter: (path) => !path.endsWith('.ts') });
if (existsSync('dist/main.js')) chmodSync('dist/main.js', 0o755);
