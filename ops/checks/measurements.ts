import * as z from 'zod';
import {
  getCurrentBilling,
  getCurrentUsage,
  getLivePerformance,
  getMonthlyReport,
  getPerformanceHealth,
  getPerformanceSummary,
  getProviderHealth,
  getProviderStats,
  getProvidersPerformance,
  getStagesPerformance,
  getUsageHistory,
  getUsageLimits,
  listProviderModels,
} from '#shared/contracts/chat.ts';
import type { Contract } from '#shared/contracts/contract.ts';
import type { Check } from './check.ts';
import { documented } from './documented.ts';
import { expectJson } from './http.ts';

/** Of the first provider that there is. */
export const providerChecks: readonly Check[] = [
  ofFirstProvider('provider-models', listProviderModels, 'models'),
  ofFirstProvider('provider-health', getProviderHealth, 'health'),
  ofFirstProvider('provider-stats', getProviderStats, 'stats'),
];

export const usageChecks: readonly Check[] = [
  documented('usage-current', getCurrentUsage),
  documented('usage-history', getUsageHistory, '/api/v0.2/usage/history?days=7'),
  documented('usage-limits', getUsageLimits),
  documented('billing-current', getCurrentBilling),
  documented('monthly-report', getMonthlyReport),
];

/** Without the reset, which is for administrators and takes from everybody what was measured. */
export const performanceChecks: readonly Check[] = [
  documented('performance-summary', getPerformanceSummary),
  documented('performance-providers', getProvidersPerformance),
  documented('performance-stages', getStagesPerformance),
  documented('performance-live', getLivePerformance),
  documented('performance-health', getPerformanceHealth),
];

function ofFirstProvider(name: string, contract: Contract, part: string): Check {
  return {
    name,
    run: async (target) => {
      const schema = z.object({ providers: z.array(z.object({ id: z.string() })).min(1) });
      const [first] = (await expectJson(target, '/api/v0.2/providers', { schema })).providers;
      return await documented(name, contract, `/api/v0.2/providers/${first?.id}/${part}`).run(target);
    },
  };
}
