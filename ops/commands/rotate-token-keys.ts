import { text } from 'node:stream/consumers';
import { OpsError, parseOptions, type OpsCommand } from '../command.ts';
import { readIfThere, writePrivateFile } from '../local/private-file.ts';
import { rotateTokenKeys } from '../local/token-keys.ts';

export const rotateTokenKeysCommand: OpsCommand = {
  verb: 'rotate-token-keys',
  summary: 'Give TOKEN_SIGNING_KEYS its next generation.',
  usage: `node ops/gaia.js rotate-token-keys --file FILE
… | node ops/gaia.js rotate-token-keys | …

  --file FILE  a file that holds the JWKS document; rewritten in place, mode 0600 (.gaia/token-signing-keys.json locally)

Without --file the document is read from standard input and the next one written to standard output, so that it can go
from one secret store to another without ever being an argument. The key that was published in advance signs from now
on, a fresh one is published, the one that signed so far still verifies. Restart auth afterwards; nobody is logged out.`,
  run: async (args) => {
    const { values } = parseOptions(args, { options: { file: { type: 'string' } } });
    if (values.file === undefined) {
      process.stdout.write(`${await rotateTokenKeys(await text(process.stdin))}\n`);
      return 0;
    }
    const known = await readIfThere(values.file);
    if (known === null) throw new OpsError(`There is no file ${values.file}.`);
    await writePrivateFile(values.file, await rotateTokenKeys(known));
    console.log(`Rotated ${values.file}. Restart auth to sign with the next key.`);
    return 0;
  },
};
