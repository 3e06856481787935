import { createInterface } from 'node:readline/promises';
import { UnstaleError } from '../core/errors/index.ts';

/** Asks on the terminal. Throws CONFIRMATION_REFUSED on anything but yes, and where there is nobody to ask. */
export async function confirmed(question: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY) throw new UnstaleError('CONFIRMATION_REFUSED', `not confirmed: ${question}`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new UnstaleError('CONFIRMATION_REFUSED', `not confirmed: ${question}`);
  } finally {
    terminal.close();
  }
}
