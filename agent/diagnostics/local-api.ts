import { chmod, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { AgentError } from '../errors.ts';
import type { Log } from '../log.ts';

/** Linux keeps a socket's path in 108 bytes, the closing zero included. */
const SOCKET_PATH_BYTES_MAX = 107;
const REPLY_BYTES_MAX = 4_194_304;

/**
 * The socket on which a running agent answers, inside its directory.
 *
 * @throws AgentError AGENT_BAD_CONFIG when the directory's path is too long for a socket.
 */
export function socketPath(directory: string): string {
  const path = join(directory, 'agent.sock');
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) {
    throw new AgentError(
      'AGENT_BAD_CONFIG',
      `The path ${path} is too long for a socket (${SOCKET_PATH_BYTES_MAX} bytes at most): choose a shorter directory.`,
      { directory },
    );
  }
  return path;
}

export type LocalApi = { stop(): Promise<void> };

/**
 * Answers questions about the running agent as JSON over HTTP on a Unix socket that only its owner may open.
 * It reads, and changes nothing.
 *
 * @param answers by path, such as `/status`.
 * @throws AgentError AGENT_BAD_CONFIG when the directory's path is too long for a socket.
 */
export async function startLocalApi(
  directory: string,
  answers: Readonly<Record<string, () => unknown>>,
  log: Log,
): Promise<LocalApi> {
  const path = socketPath(directory);
  // A socket left by a killed agent would refuse the new one; the store's lock has already kept a second agent out.
  await rm(path, { force: true });

  const server = createServer((incoming, reply) => {
    incoming.resume();
    const answer = incoming.method === 'GET' ? answers[incoming.url ?? ''] : undefined;
    try {
      const body = answer === undefined ? { error: 'unknown path' } : answer();
      reply.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
      reply.end(
        JSON.stringify(body, (_key, value) => (typeof value === 'bigint' ? value.toString() : value)),
      );
    } catch (error) {
      log({ event: 'local-api-failed', level: 'error', error });
      reply.writeHead(500, { 'content-type': 'application/json' });
      reply.end(JSON.stringify({ error: 'internal' }));
    }
  });
  server.maxConnections = 16;
  server.requestTimeout = 5_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  await chmod(path, 0o600);
  return {
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await rm(path, { force: true });
    },
  };
}

/**
 * Asks a running agent.
 *
 * @throws AgentError AGENT_TIMEOUT when it does not answer, AGENT_FILE_MISSING when no agent runs there.
 */
export const askLocalApi = (directory: string, path: string, timeoutMs = 2_000): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      if (error instanceof AgentError) return reject(error);
      reject(
        new AgentError(
          'AGENT_FILE_MISSING',
          `No agent answers at ${socketPath(directory)}: is it running? Start it with "gridquorum run --config FILE".`,
          { directory },
          { cause: error },
        ),
      );
    };
    const asked = request(
      { socketPath: socketPath(directory), path, method: 'GET', timeout: timeoutMs },
      (reply) => {
        const parts: Buffer[] = [];
        let bytes = 0;
        reply.on('data', (part: Buffer) => {
          bytes += part.length;
          if (bytes > REPLY_BYTES_MAX) asked.destroy(new Error('reply too large'));
          else parts.push(part);
        });
        reply.on('error', fail);
        reply.on('end', () => {
          try {
            resolve(JSON.parse(Buffer.concat(parts).toString('utf8')));
          } catch (cause) {
            fail(cause as Error);
          }
        });
      },
    );
    asked.on('timeout', () =>
      asked.destroy(new AgentError('AGENT_TIMEOUT', `The agent did not answer within ${timeoutMs} ms.`)),
    );
    asked.on('error', fail);
    asked.end();
  });
