import { createServer } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as z from 'zod';

// Loaded into a process of ours by NODE_OPTIONS=--import: whoever connects to the socket MEMORY_PROBE is told what the
// process keeps once its garbage is gone.

setFlagsFromString('--expose-gc');
const collect = z.function({ input: [], output: z.unknown() }).implement(runInNewContext('gc'));
const server = createServer((socket) => {
  collect();
  // What finalizers let go goes with the second.
  setImmediate(() => {
    collect();
    socket.end(JSON.stringify(process.memoryUsage()));
  });
});
server.listen(process.env['MEMORY_PROBE']).unref();
