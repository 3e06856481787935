/** The worker under measurement, as it is built for users: a process of its own, that a bench asks over IPC. */
import { readRuleFiles } from '../../dist/config/rule-files.js';
import { loadSettings } from '../../dist/config/settings.js';
import { parseLsn } from '../../dist/core/lsn.js';
import { runRoles } from '../../dist/roles/run.js';
import { loadRules } from '../../dist/rules/index.js';
import { createLog } from '../../dist/telemetry/log.js';

const settings = loadSettings(process.env, {}, ['databaseUrl', 'redisUrl']);
const { ruleSet } = loadRules(await readRuleFiles(settings.rules));
if (!ruleSet) throw new Error('the rules of the bench are wrong');

const stopping = new AbortController();
let latencies = [];
let rssBytes = 0;
setInterval(() => {
  rssBytes = Math.max(rssBytes, process.memoryUsage.rss());
}, 20).unref();

let tail;
let startedMs = 0;
const running = runRoles(settings, ruleSet, {
  roles: ['tail', 'work'],
  log: createLog({ level: settings.logLevel }),
  signal: stopping.signal,
  onDone: ({ causes, atMs }) => {
    for (const { cause } of causes) latencies.push(atMs - cause.committedAtMs);
  },
  onReady: (ready) => {
    tail = ready;
    startedMs = performance.now();
    tell(0);
  },
});

process.on('message', (asked) => {
  if (asked.kind === 'stop') stopping.abort();
  else if (asked.kind === 'latencies') tell(0);
  else if (asked.kind === 'forget') {
    latencies = [];
    tell(0);
  } else void until(asked.lsn).then(tell);
});
await running;
process.disconnect();

/** Milliseconds from the start of the roles to the low watermark at this position. */
async function until(lsn) {
  const target = parseLsn(lsn);
  while (!tail || parseLsn(tail.status().watermarkLsn) < target) await new Promise((resolve) => setTimeout(resolve, 2));
  return performance.now() - startedMs;
}

function tell(ms) {
  process.send?.({ ms, latencies, rssBytes });
}
