import type { CardSource } from '../completion/model-card.ts';
import type { Protocol } from '../protocols/protocol.ts';
import type { VendorTimeouts } from './vendor-connection.ts';

/** What a vendor of configuration can be told to speak; anything else needs a provider of its own. */
export const openAiProtocols = ['chat-completions', 'responses', 'embeddings'] as const;

/** A vendor as the configuration describes it. */
export type Vendor = {
  id: string;
  name: string;
  baseUrl: string;
  /** Null where the vendor asks for none, as servers in one's own network do. */
  apiKey: string | null;
  /** Null: those of the catalogue, and whatever else the vendor takes. */
  models: readonly string[] | null;
  /** Null: what its kind of vendor speaks. */
  speaks: readonly Protocol[] | null;
  fetchesImages: boolean;
  tellsUsageUnasked: boolean;
  /** More headers of ours, such as the organisation that pays. */
  headers: Readonly<Record<string, string>>;
};

export type VendorOptions = Pick<Vendor, 'id' | 'name' | 'baseUrl' | 'apiKey' | 'models'> &
  Partial<Vendor> & {
    timeouts: VendorTimeouts;
    cardOf?: CardSource;
    /** The models of a provider that the catalogue knows and that have not ended. */
    knownModels?: (provider: string) => readonly string[];
  };
