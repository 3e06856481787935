import { Counter, Histogram, Registry } from 'prom-client';

const SECONDS = [
  0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

export interface Metrics {
  readonly registry: Registry;
  readonly changes: Counter<'table' | 'op'>;
  readonly ruleChanges: Counter<'rule'>;
  readonly effects: Counter<'rule' | 'verb'>;
  readonly keys: Counter<'rule' | 'verb'>;
  readonly widened: Counter<'rule' | 'reason'>;
  readonly gaps: Counter<'reason'>;
  readonly gateWait: Histogram<string>;
  readonly latency: Histogram<'rule'>;
}

/** This process's metrics: Prometheus names, base units. The list is the manual's (operations: metrics). */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    changes: new Counter({
      name: 'unstale_changes_total',
      help: 'Row changes received',
      labelNames: ['table', 'op'],
      registers,
    }),
    ruleChanges: new Counter({
      name: 'unstale_rule_changes_total',
      help: 'Row changes that a rule counts',
      labelNames: ['rule'],
      registers,
    }),
    effects: new Counter({
      name: 'unstale_effects_total',
      help: 'Effects planned',
      labelNames: ['rule', 'verb'],
      registers,
    }),
    keys: new Counter({ name: 'unstale_keys_total', help: 'Keys touched', labelNames: ['rule', 'verb'], registers }),
    widened: new Counter({
      name: 'unstale_widened_total',
      help: 'Keys that had to be widened to a pattern',
      labelNames: ['rule', 'reason'],
      registers,
    }),
    gaps: new Counter({ name: 'unstale_gaps_total', help: 'Gaps in the stream', labelNames: ['reason'], registers }),
    gateWait: new Histogram({
      name: 'unstale_gate_wait_seconds',
      help: 'Time that transactions were held until they were visible',
      buckets: SECONDS,
      registers,
    }),
    latency: new Histogram({
      name: 'unstale_commit_to_invalidated_seconds',
      help: "From commit, by the database's clock, to keys gone, by the worker's",
      labelNames: ['rule'],
      buckets: SECONDS,
      registers,
    }),
  };
}
