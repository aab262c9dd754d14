import { Readable } from 'node:stream';
import type { IStore } from 'mqtt';

/**
 * A store for the client library that keeps nothing. What is unacknowledged is in our outbox; the library's
 * own memory store would double it, and, once closed, throws on an acknowledgement still in its parser
 * (seen with mqtt 5.16: `Cannot read properties of null` in Store.del, outside every handler of ours).
 */
export function emptyStore(): IStore {
  const store: IStore = {
    put: (_packet, done) => {
      done();
      return store;
    },
    del: (_packet, done) => {
      done();
      return store;
    },
    get: (_packet, done) => {
      done(new Error('missing packet'));
      return store;
    },
    // The library's type means the same stream by its package of another name.
    createStream: () => Readable.from([]) as unknown as ReturnType<IStore['createStream']>,
    close: (done) => done(),
  };
  return store;
}
