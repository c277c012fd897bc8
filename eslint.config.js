import eslint from '@eslint/js';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

/**
 * Who may import whom (the table of CONTRIBUTING.md). A package missing here may not be imported by anyone,
 * so that a new package is a decision.
 */
export const mayImport = {
  bytes: [],
  appraisal: [],
  x509: ['bytes'],
  erofs: [],
  verity: [],
  modelpack: ['erofs', 'verity'],
  evidence: ['appraisal', 'bytes', 'x509'],
  measure: ['bytes'],
  provenance: ['appraisal', 'bytes', 'x509'],
  verifier: ['appraisal', 'bytes', 'x509', 'evidence', 'measure', 'provenance'],
  deployment: ['modelpack', 'measure', 'verity', 'erofs'],
  guest: ['evidence', 'deployment', 'modelpack'],
  kbs: ['verifier'],
  client: ['verifier'],
  web: ['verifier'],
  simtee: ['bytes', 'x509', 'evidence', 'provenance'],
  conformance: ['appraisal', 'bytes', 'x509', 'evidence', 'measure', 'provenance', 'verifier'],
};
const everything = Object.keys(mayImport);
const table = { ...mayImport, cli: everything };

/** These run unchanged in Node, browsers and workers: bytes, clock, anchors and fetch are arguments. */
export const isomorphic = [
  'bytes',
  'appraisal',
  'x509',
  'erofs',
  'verity',
  'evidence',
  'measure',
  'provenance',
  'verifier',
  'client',
  'simtee',
];

const nodeOnly = {
  group: ['node:*', 'fs', 'fs/*', 'path', 'crypto', 'worker_threads', 'os', 'stream', 'buffer'],
  message: 'This package runs in browsers too: take it as an argument, or put the I/O into a *.node.ts file.',
};

function importRules(name) {
  const forbidden = [...everything, 'cli'].filter((other) => other !== name && !table[name].includes(other));
  const packages = {
    group: forbidden.flatMap((other) =>
      other === 'cli' ? ['vitrine', 'vitrine/*'] : [`@vitrine/${other}`, `@vitrine/${other}/*`],
    ),
    message: `packages/${name} may not import this (see the table in eslint.config.js).`,
  };
  const outside = { regex: '\\.\\./(\\.\\./)+[a-z]+/src', message: 'Import another package by its name.' };
  const files = `packages/${name}/src/**/*.ts`;
  const rule = (patterns) => ({ 'no-restricted-imports': ['error', { patterns }] });
  const common = forbidden.length > 0 ? [packages, outside] : [outside];
  const everywhere = { files: [files], rules: rule(common) };
  if (!isomorphic.includes(name)) return [everywhere];
  return [
    everywhere,
    {
      files: [files],
      ignores: ['**/*.node.ts', '**/*.test.ts'],
      rules: {
        ...rule([...common, nodeOnly, { group: ['./*.node.ts', '../*.node.ts'], message: nodeOnly.message }]),
        'no-restricted-globals': ['error', 'Buffer', 'process', '__dirname'],
      },
    },
  ];
}

export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', 'output/'] },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off', // Index reads of typed arrays whose bounds were checked.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/unified-signatures': 'off',
      eqeqeq: 'error',
    },
  },
  { files: ['**/*.js'], ...tseslint.configs.disableTypeChecked },
  {
    // node:test answers promises that the runner itself awaits.
    files: ['**/*.test.ts', '**/test/**/*.ts'],
    rules: { '@typescript-eslint/no-floating-promises': 'off' },
  },
  ...Object.keys(table).flatMap(importRules),
  prettier,
);
