// The gateway's container starts here: `npm run gateway` with the bundle that is already built.
import { main } from '../cli.ts';

process.exit(await main(['gateway', '--no-build', ...process.argv.slice(2)]));
