import type { CodegenConfig } from '@graphql-codegen/cli';

// The generator that docs/api.md shows to users. Each page's documents are the .graphql files beside it.
const config: CodegenConfig = {
  schema: '../../schema/schema.graphql',
  documents: ['src/{api,parts,shell}/**/*.graphql', 'src/pages/**/*.graphql', '!src/pages/graphiql/**'],
  generates: {
    'src/gql/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        enumsAsTypes: true,
        useTypeImports: true,
        defaultScalarType: 'unknown',
        scalars: { Decimal: 'string', ISO8601Date: 'string', ISO8601DateTime: 'string' },
      },
    },
  },
};

export default config;
