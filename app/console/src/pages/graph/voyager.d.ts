// The package describes only its other bundle, which exports the same.
declare module 'graphql-voyager/dist/voyager.standalone.js' {
  export { renderVoyager } from 'graphql-voyager/typings/standalone';
}
