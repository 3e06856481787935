import type { Needing } from '../config/settings.ts';
import { formatLsn } from '../core/lsn.ts';
import type { Verb } from '../core/plan.ts';
import type { Log } from '../core/ports.ts';
import { openSql } from '../db/sql.ts';
import { createGate } from '../gate/gate.ts';
import { createPlanning } from '../plan/index.ts';
import type { RuleSet } from '../rules/index.ts';
import { openWal } from '../wal/stream.ts';
import { requireFit, requirePublication, requireServer } from './preflight.ts';

/** One line of a dry run. */
export interface DryEffect {
  readonly rule: string;
  readonly verb: Verb;
  readonly key: string;
  /** Commit LSN of the newest transaction that touched it. */
  readonly lsn: string;
}

export interface DryRunOptions {
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly onEffect: (effect: DryEffect) => void;
}

/**
 * Shows what would be done from now on. Reads through a temporary slot of its own, so that the deployment's slot does
 * not move, and needs no Redis. Ends when the signal is aborted.
 */
export async function dryRun(
  settings: Needing<'databaseUrl'>,
  ruleSet: RuleSet,
  options: DryRunOptions,
): Promise<void> {
  const { log, signal, onEffect } = options;
  const sql = openSql(settings.databaseUrl, { log, applicationName: `unstale ${settings.name} dry run` });
  try {
    await requireServer(sql, settings.databaseUrl);
    await requireFit(sql, settings.name, { ruleSet, log });
    await requirePublication(sql, settings.name, { ruleSet, log, readOnly: true });
    const stream = openWal({
      connection: { connectionString: settings.databaseUrl },
      slot: `${settings.name}_dry_${process.pid}`,
      publication: settings.name,
      temporarySlot: true,
      sql,
      log,
    });
    const gate = createGate({ sql, log });
    const planning = createPlanning(ruleSet);
    const stop = (): void => {
      gate.stop();
      void stream.stop();
    };
    signal.addEventListener('abort', stop, { once: true });
    stream.start();
    if (signal.aborted) stop();
    for await (const transactions of gate.visible(stream)) {
      const { plan } = planning.plan(transactions);
      for (const { rule, verb, keys, causes } of plan.steps) {
        keys.forEach((key, i) => {
          onEffect({ rule, verb, key, lsn: plan.causes[causes[i] ?? 0]?.lsn ?? formatLsn(0n) });
        });
      }
      stream.finish(transactions);
    }
    await stream.stop();
  } finally {
    await sql.end();
  }
}
