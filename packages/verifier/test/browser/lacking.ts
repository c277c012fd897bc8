/** A platform whose WebCrypto lacks an algorithm, as older browsers lack Ed25519. */

/** @param lacked "Ed25519", "RSA-PSS", "ECDSA P-384" @returns what puts it back */
export function withoutAlgorithm(lacked: string): () => void {
  const honest = crypto.subtle.importKey.bind(crypto.subtle) as (...args: unknown[]) => unknown;
  const importKey = (...args: unknown[]): unknown => {
    const asked = args[2] as { readonly name: string; readonly namedCurve?: string };
    if ([asked.name, asked.namedCurve].filter((part) => part !== undefined).join(' ') === lacked)
      return Promise.reject(new DOMException('Unrecognized name.', 'NotSupportedError'));
    return honest(...args);
  };
  Object.defineProperty(crypto.subtle, 'importKey', { value: importKey, configurable: true });
  return () => Reflect.deleteProperty(crypto.subtle, 'importKey');
}
