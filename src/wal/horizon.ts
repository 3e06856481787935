import type { Lsn } from '../core/lsn.ts';

interface Sample {
  readonly atMs: number;
  readonly lsn: Lsn;
}

/** So many samples at most lie within a horizon. */
const SAMPLES = 64;

/**
 * The position to confirm: the low watermark as it was a replay horizon ago. What a cache or queue forgets in a restart
 * is then still in the slot and can be done again. On an idle stream it catches up with the mark.
 */
export class Horizon {
  readonly #horizonMs: number;
  readonly #samples: Sample[] = [];
  #confirmed: Lsn;

  constructor(horizonMs: number, start: Lsn) {
    this.#horizonMs = horizonMs;
    this.#confirmed = start;
  }

  get confirmed(): Lsn {
    return this.#confirmed;
  }

  /** To be called with the present watermark every now and then. Returns the position to confirm; it never goes back. */
  advance(nowMs: number, watermark: Lsn): Lsn {
    const last = this.#samples.at(-1);
    const due = !last || nowMs - last.atMs >= this.#horizonMs / SAMPLES;
    if (due && watermark > (last?.lsn ?? this.#confirmed)) this.#samples.push({ atMs: nowMs, lsn: watermark });
    while (this.#samples[0] && nowMs - this.#samples[0].atMs >= this.#horizonMs) {
      this.#confirmed = this.#samples.shift()?.lsn ?? this.#confirmed;
    }
    return this.#confirmed;
  }

  /** Confirms the watermark itself: a clean stop, after which nothing has to be done again. */
  close(watermark: Lsn): Lsn {
    this.#samples.length = 0;
    if (watermark > this.#confirmed) this.#confirmed = watermark;
    return this.#confirmed;
  }
}
