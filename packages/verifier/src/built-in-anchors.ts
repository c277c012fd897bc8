/** Whom to believe where nobody names others: the hardware vendors, Sigstore's public instance, the logs that browsers know. */
import { amdTrustAnchors, intelRootCa, nvidiaTrustAnchors } from '@vitrine/evidence';
import { type LogList, ProvenanceError, parseLogList } from '@vitrine/provenance';
import { builtInLogList } from '@vitrine/provenance/ct/log-list';
import type { Anchors } from './anchors.ts';
import { publicGoodRepository } from './public-good-repository.ts';
import type { Source } from './source.ts';
import { ctLogListRequest } from './sources/index.ts';

export interface BuiltInAnchorsOptions {
  /** Roots of the web: in Node `machineRoots()`. Left out (a browser shows no certificate), the chain is not checked. */
  readonly tlsRoots?: Anchors['tlsRoots'] | undefined;
  /** Where a newer list of logs may come from: never a proof, whose maker would choose the logs. */
  readonly lists?: Source | undefined;
}

export async function builtInAnchors({
  tlsRoots = null,
  lists,
}: BuiltInAnchorsOptions = {}): Promise<Anchors> {
  return {
    snp: amdTrustAnchors(),
    intel: [intelRootCa()],
    nvidia: nvidiaTrustAnchors(),
    sigstore: [],
    sigstoreRepositories: [publicGoodRepository()],
    ctLogs: lists ? await currentLogList(lists) : await builtInLogList(),
    tlsRoots,
  };
}

/** The newer of Google's list, where it can be had, and the built-in one. */
export async function currentLogList(source: Source): Promise<LogList> {
  const builtIn = await builtInLogList();
  const answer = await source.get(ctLogListRequest());
  if (!answer.ok) return builtIn;
  try {
    const current = await parseLogList(answer.bytes);
    return current.timestamp > builtIn.timestamp ? current : builtIn;
  } catch (error) {
    if (error instanceof ProvenanceError) return builtIn;
    throw error;
  }
}
