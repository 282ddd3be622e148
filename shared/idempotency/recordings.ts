/** Collects the bytes of one stream. */
export type Recording = {
  add: (chunk: Buffer) => void;
  /** Null where they were too many. */
  bytes: () => Buffer | null;
  /** Gives the room back. */
  end: () => void;
};

export type Recordings = { start: () => Recording };

/** `maxTotalBytes` bounds what all streams of a process keep at once; beyond, a stream is passed on and not kept. */
export function createRecordings({
  maxBytes,
  maxTotalBytes,
}: Record<'maxBytes' | 'maxTotalBytes', number>): Recordings {
  let total = 0;
  return {
    start: () => {
      let chunks: Buffer[] | null = [];
      let size = 0;
      const end = (): void => {
        chunks = null;
        total -= size;
        size = 0;
      };
      return {
        add: (chunk) => {
          if (chunks === null) return;
          if (size + chunk.length > maxBytes || total + chunk.length > maxTotalBytes) return end();
          chunks.push(chunk);
          size += chunk.length;
          total += chunk.length;
          return undefined;
        },
        bytes: () => chunks && Buffer.concat(chunks, size),
        end,
      };
    },
  };
}
