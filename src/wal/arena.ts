const SLAB_BYTES = 64 * 1024;

/**
 * Keeps messages beyond the read that brought them. The driver's parser moves the unread rest of a read to the front of
 * the buffer it has just parsed, over bytes that rows would still point at; so each message with rows is copied once.
 */
export class Arena {
  #slab: Buffer = Buffer.allocUnsafeSlow(0);
  #used = 0;

  /** Where the copy begins in `slab`. */
  copy(message: Buffer): number {
    if (message.length > this.#slab.length - this.#used) {
      this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, message.length));
      this.#used = 0;
    }
    const start = this.#used;
    this.#slab.set(message, start);
    this.#used = start + message.length;
    return start;
  }

  get slab(): Buffer {
    return this.#slab;
  }
}
