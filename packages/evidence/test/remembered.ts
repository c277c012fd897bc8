/**
 * Verifications that a step repeats, done once. A flip alters one part of some evidence; the signatures of all other parts
 * are then asked for with the very same key, signature and data as of the undamaged evidence, and WebCrypto's answer to
 * those is remembered. Everything else goes to WebCrypto: nothing is taken for granted that was not verified.
 */
import { equalBytes } from '@vitrine/bytes';

type Subtle = typeof crypto.subtle;
type Import = (...parameters: Parameters<Subtle['importKey']>) => ReturnType<Subtle['importKey']>;
type Verify = (...parameters: Parameters<Subtle['verify']>) => ReturnType<Subtle['verify']>;

interface Imported {
  readonly how: string;
  readonly material: Uint8Array;
  readonly key: ReturnType<Import>;
}

interface Verified {
  readonly how: string;
  readonly key: Parameters<Verify>[1];
  readonly signature: Uint8Array;
  readonly data: Uint8Array;
  readonly answer: ReturnType<Verify>;
}

/**
 * @param honest the step over undamaged bytes: what it imports and verifies is remembered
 * @param step runs with these memories, which end with it; no other step may run beside it
 */
export async function rememberingSignatures<T>(
  honest: () => Promise<unknown>,
  step: () => Promise<T>,
): Promise<T> {
  const { subtle } = crypto;
  const importKey = subtle.importKey.bind(subtle) as Import;
  const verify = subtle.verify.bind(subtle);
  const imports: Imported[] = [];
  const verifications: Verified[] = [];
  let isHonest = true;

  const rememberingImport: Import = (format, material, ...others) => {
    if (!(material instanceof Uint8Array)) return importKey(format, material, ...others);
    const how = `${format} ${JSON.stringify(others)}`;
    const known = imports.find((one) => one.how === how && equalBytes(one.material, material));
    if (known) return known.key;
    const key = importKey(format, material, ...others);
    if (isHonest) imports.push({ how, material: new Uint8Array(material), key });
    return key;
  };
  const rememberingVerify: Verify = (algorithm, key, signature, data) => {
    if (!(signature instanceof Uint8Array && data instanceof Uint8Array))
      return verify(algorithm, key, signature, data);
    const how = JSON.stringify(algorithm);
    const known = verifications.find(
      (one) =>
        one.key === key &&
        one.how === how &&
        equalBytes(one.signature, signature) &&
        equalBytes(one.data, data),
    );
    if (known) return known.answer;
    const answer = verify(algorithm, key, signature, data);
    if (isHonest)
      verifications.push({
        how,
        key,
        signature: new Uint8Array(signature),
        data: new Uint8Array(data),
        answer,
      });
    return answer;
  };

  const replace = (name: 'importKey' | 'verify', value: unknown): void => {
    Object.defineProperty(subtle, name, { value, configurable: true, writable: true });
  };
  replace('importKey', rememberingImport);
  replace('verify', rememberingVerify);
  try {
    await honest();
    isHonest = false;
    return await step();
  } finally {
    // The prototype's own come to light again.
    Reflect.deleteProperty(subtle, 'importKey');
    Reflect.deleteProperty(subtle, 'verify');
  }
}
