import { createConnection, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** A reply as far as starting servers needs it: text, a number as text, or null. Errors are thrown. */
export type Reply = string | null;

/**
 * Sends commands to a Redis on a connection of its own and returns their replies. No client library: what is asked here is
 * "are you up, who are you", many times a second while a server starts.
 */
export async function ask(url: string, ...commands: readonly (readonly string[])[]): Promise<Reply[]> {
  const { hostname, port, username, password, pathname, protocol } = new URL(url);
  const host = hostname || '127.0.0.1';
  const before: string[][] = [];
  const user = username ? [decodeURIComponent(username)] : [];
  if (password) before.push(['AUTH', ...user, decodeURIComponent(password)]);
  if (pathname.length > 1) before.push(['SELECT', pathname.slice(1)]);
  const place = { host, port: Number(port || 6379) };
  const socket = protocol === 'rediss:' ? connectTls(place) : createConnection(place);
  try {
    return (await exchange(socket, [...before, ...commands])).slice(before.length);
  } finally {
    socket.destroy();
  }
}

/** The value of a field in the reply to INFO. */
export function fieldOf(info: Reply | undefined, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info ?? '')?.[1];
}

function exchange(socket: Socket, commands: readonly (readonly string[])[]): Promise<Reply[]> {
  return new Promise((resolve, reject) => {
    const replies: Reply[] = [];
    let buffer = '';
    socket.setEncoding('latin1');
    socket.setTimeout(5_000, () => reject(new Error('no answer within 5 s')));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed')));
    socket.on('data', (chunk) => {
      buffer += String(chunk);
      for (let reply = takeReply(buffer); reply; reply = takeReply(buffer)) {
        buffer = buffer.slice(reply.length);
        if (reply.error !== undefined) return reject(new Error(reply.error));
        replies.push(reply.value);
        if (replies.length === commands.length) return resolve(replies);
      }
    });
    for (const command of commands) socket.write(encode(command));
  });
}

function encode(command: readonly string[]): string {
  return [`*${command.length}`, ...command.flatMap((part) => [`$${Buffer.byteLength(part)}`, part]), ''].join('\r\n');
}

/** The first whole reply of RESP2 in the buffer: `+OK`, `-ERR …`, `:1`, `$3`, `$-1`. */
function takeReply(buffer: string): { value: Reply; length: number; error?: string } | undefined {
  const end = buffer.indexOf('\r\n');
  if (end < 0) return undefined;
  const line = buffer.slice(1, end);
  const next = end + 2;
  if (buffer[0] === '-') return { value: null, length: next, error: line };
  if (buffer[0] !== '$') return { value: line, length: next };
  const size = Number(line);
  if (size < 0) return { value: null, length: next };
  if (buffer.length < next + size + 2) return undefined;
  return { value: buffer.slice(next, next + size), length: next + size + 2 };
}
