/** A text for SQL, with standard_conforming_strings as it is by default. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A block of SQL between dollar tags that do not occur in it. */
export function quoteBlock(body: string): string {
  let tag = '$unstale$';
  for (let i = 0; body.includes(tag); i++) tag = `$unstale${i}$`;
  return `${tag}${body}${tag}`;
}
