import { chmod, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { AgentError, type AgentErrorCode } from '../errors.ts';
import type { Log } from '../log.ts';

/** Linux keeps a socket's path in 108 bytes, the closing zero included. */
const SOCKET_PATH_BYTES_MAX = 107;
/** A proof of 4 MB, with the escapes of its quotes and line ends. */
const REPLY_BYTES_MAX = 8_388_608;
const QUESTION_BYTES_MAX = 16_384;
/** At once; who connects beyond them, or says nothing for long, is cut off. */
const CONNECTIONS_MAX = 16;
const SILENCE_MS_MAX = 5_000;

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

export type LocalAnswers = {
  /** What is told, by path such as `/status`; changes nothing. */
  readonly tell: Readonly<Record<string, () => unknown>>;
  /** What is done for the owner, by path, with the JSON that came; an AgentError is told to him. */
  readonly act?: Readonly<Record<string, (asked: unknown) => Promise<unknown>>>;
};

/**
 * Answers its owner as JSON over HTTP on a Unix socket that nobody else may open: GET tells, POST acts.
 *
 * @throws AgentError AGENT_BAD_CONFIG when the directory's path is too long for a socket, or something else lies there.
 */
export async function startLocalApi(directory: string, answers: LocalAnswers, log: Log): Promise<LocalApi> {
  const path = socketPath(directory);
  // A socket left by a killed agent would refuse the new one; the store's lock has already kept a second agent out.
  await rm(path, { force: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new AgentError(
      'AGENT_BAD_CONFIG',
      `${path} is in the way of the agent's socket (${cause.code}): move it away.`,
      { directory },
      { cause },
    );
  });

  const server = createServer({ connectionsCheckingInterval: SILENCE_MS_MAX / 5 }, (incoming, reply) => {
    const fail = (error: unknown) => {
      if (error instanceof AgentError) return send(reply, 400, { code: error.code, error: error.message });
      log({ event: 'local-api-failed', level: 'error', error });
      send(reply, 500, { error: 'internal' });
    };
    answerOf(answers, incoming).then((answer) => {
      if (answer === undefined) send(reply, 404, { error: 'unknown path' });
      else send(reply, 200, answer);
    }, fail);
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.requestTimeout = SILENCE_MS_MAX;
  server.headersTimeout = SILENCE_MS_MAX;
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

/** Undefined for a path that is not known. */
async function answerOf({ tell, act = {} }: LocalAnswers, incoming: IncomingMessage): Promise<unknown> {
  const path = incoming.url ?? '';
  if (incoming.method === 'POST') {
    const asked = await readQuestion(incoming);
    return Object.hasOwn(act, path) ? act[path]!(asked) : undefined;
  }
  incoming.resume();
  return incoming.method === 'GET' && Object.hasOwn(tell, path) ? tell[path]!() : undefined;
}

async function readQuestion(incoming: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of incoming) {
    bytes += (piece as Buffer).length;
    if (bytes > QUESTION_BYTES_MAX) throw new AgentError('AGENT_BAD_DATA', 'The question is too long.');
    pieces.push(piece as Buffer);
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch (cause) {
    throw new AgentError('AGENT_BAD_DATA', 'The question is no JSON.', {}, { cause });
  }
}

function send(reply: ServerResponse, status: number, body: unknown): void {
  reply.writeHead(status, { 'content-type': 'application/json' });
  reply.end(JSON.stringify(body, (_key, value) => (typeof value === 'bigint' ? value.toString() : value)));
}

/**
 * Asks a running agent to tell something.
 *
 * @throws AgentError AGENT_TIMEOUT when it does not answer, AGENT_FILE_MISSING when no agent runs there, AGENT_NOT_READY
 * when it hangs up.
 */
export async function askLocalApi(directory: string, path: string, timeoutMs = 2_000): Promise<unknown> {
  return (await exchange(directory, { path, method: 'GET', timeoutMs })).body;
}

/**
 * Asks a running agent to do something, and waits until it is done.
 *
 * @param findOut what to type to see whether it was done, where the answer is lost.
 * @throws AgentError as it was thrown there; AGENT_FILE_MISSING, AGENT_NOT_READY as {@link askLocalApi}, and nothing was
 * done; AGENT_ANSWER_LOST when it may have been.
 */
export async function orderLocalApi(
  directory: string,
  path: string,
  asked: unknown,
  { findOut, timeoutMs = 90_000 }: { readonly findOut: string; readonly timeoutMs?: number },
): Promise<unknown> {
  const { status, body } = await exchange(directory, { path, method: 'POST', asked, timeoutMs, findOut });
  if (status === 200) return body;
  const { code, error } = body as { code?: AgentErrorCode; error: string };
  throw new AgentError(code ?? 'AGENT_NOT_READY', error);
}

type Question = {
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly asked?: unknown;
  readonly timeoutMs: number;
  readonly findOut?: string;
};

/** How far a question has come: an order counts as given once its body leaves, and the agent asks for that first. */
type Stage = 'connecting' | 'connected' | 'ordered';

const exchange = (
  directory: string,
  { path, method, asked, timeoutMs, findOut = '' }: Question,
): Promise<{ readonly status: number; readonly body: unknown }> =>
  new Promise((resolve, reject) => {
    const place = socketPath(directory);
    let stage: Stage = 'connecting';
    const fail = (cause: Error) => reject(failure(stage, { cause, place, findOut }));
    const question = request(
      {
        ...{ socketPath: place, path, method, timeout: timeoutMs, agent: false },
        ...(method === 'POST' && { headers: { expect: '100-continue' } }),
      },
      (reply) => {
        const parts: Buffer[] = [];
        let bytes = 0;
        reply.on('data', (part: Buffer) => {
          bytes += part.length;
          if (bytes > REPLY_BYTES_MAX) question.destroy(new Error('its answer is too long'));
          else parts.push(part);
        });
        reply.on('error', fail);
        reply.on('end', () => {
          try {
            resolve({
              status: reply.statusCode ?? 500,
              body: JSON.parse(Buffer.concat(parts).toString('utf8')),
            });
          } catch (cause) {
            fail(cause as Error);
          }
        });
      },
    );
    question.on('socket', (socket) => {
      socket.once('connect', () => {
        stage = 'connected';
      });
    });
    question.on('continue', () => {
      stage = 'ordered';
      question.end(JSON.stringify(asked));
    });
    question.on('timeout', () => question.destroy(new SilentAgent(timeoutMs)));
    question.on('error', fail);
    if (method === 'GET') question.end();
    else question.flushHeaders();
  });

class SilentAgent extends Error {
  override readonly name = 'SilentAgent';
  constructor(timeoutMs: number) {
    super(`it did not answer within ${timeoutMs} ms`);
  }
}

/** Who asked must know whether it can have been done. */
function failure(
  stage: Stage,
  { cause, place, findOut }: { readonly cause: Error; readonly place: string; readonly findOut: string },
): AgentError {
  const said = (code: AgentErrorCode, message: string) => new AgentError(code, message, { place }, { cause });
  if (stage === 'ordered')
    return said(
      'AGENT_ANSWER_LOST',
      `The agent took the order, and its answer was lost (${cause.message}): it may have been carried out. ${findOut}`,
    );
  if (cause instanceof SilentAgent)
    return said('AGENT_TIMEOUT', `The agent at ${place} is silent: ${cause.message}.`);
  if (stage === 'connected')
    return said(
      'AGENT_NOT_READY',
      `The agent at ${place} hung up (${cause.message}): it answers others, or is ending. Nothing was done; ask again.`,
    );
  return said(
    'AGENT_FILE_MISSING',
    `No agent answers at ${place}: is it running? Start it with "gridquorum run --config FILE".`,
  );
}
