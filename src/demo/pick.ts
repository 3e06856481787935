/** One of the list, by chance. Throws a RangeError where there is none. */
export function pick<T>(list: readonly T[]): T {
  const one = list[Math.floor(Math.random() * list.length)];
  if (one === undefined) throw new RangeError('nothing to pick from');
  return one;
}
