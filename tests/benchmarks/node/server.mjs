// The benchmarks' plain types, and the shape of the shop's own, over the data of a JSON file.
import { readFileSync } from "node:fs";
import Fastify from "fastify";
import mercurius from "mercurius";

const schema = `
  type PlainVariant {
    id: ID!
    sku: String!
    name: String!
    price: Float!
    stock: Int!
    availableForSale: Boolean!
  }

  type PlainProduct {
    id: ID!
    slug: String!
    name: String!
    description: String!
    brand: String
    status: String!
    imageUrl: String!
    stock: Int!
    version: Int!
    rating: Float!
    availableForSale: Boolean!
    taxable: Boolean!
    variants: [PlainVariant!]!
  }

  scalar CurrencyCode
  scalar DateTime
  scalar Decimal
  scalar URL

  enum ProductStatus { DRAFT ACTIVE ARCHIVED }
  type Money { amount: Decimal! currency: CurrencyCode! }
  type VariantPrice { price: Money! }
  type Media { url: URL! }

  type ProductVariant {
    id: ID!
    sku: String!
    name: String!
    barcode: String
    availableForSale: Boolean!
    price(currency: CurrencyCode): VariantPrice
  }

  type ProductVariantConnection { nodes: [ProductVariant!]! }

  type Product {
    id: ID!
    slug: String!
    name: String!
    description: String!
    status: ProductStatus!
    brand: String
    tags: [String!]!
    version: Int!
    createdAt: DateTime!
    updatedAt: DateTime!
    availableForSale: Boolean!
    featuredMedia: Media
    variants(first: Int): ProductVariantConnection!
  }

  type ProductConnection { nodes: [Product!]! }

  type Query {
    plainProducts: [PlainProduct!]!
    plainProduct(id: ID!): PlainProduct
    memoryProducts: ProductConnection!
    memoryProduct(slug: String!): Product
  }
`;

const { plainProducts, memoryProducts } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const products = memoryProducts.nodes.map((product) => ({
  ...product,
  variants: product.variants.nodes.map(({ price, ...variant }) => ({
    ...variant,
    prices: [price.price],
  })),
}));
const plainById = new Map(plainProducts.map((product) => [product.id, product]));
const bySlug = new Map(products.map((product) => [product.slug, product]));

const resolvers = {
  Query: {
    plainProducts: () => plainProducts,
    plainProduct: (_, { id }) => plainById.get(id),
    memoryProducts: () => ({ nodes: products }),
    memoryProduct: (_, { slug }) => bySlug.get(slug),
  },
  Product: {
    variants: ({ variants }, { first }) => ({ nodes: variants.slice(0, first) }),
  },
  ProductVariant: {
    price({ prices }, { currency = "EUR" }) {
      const price = prices.find((found) => found.currency === currency);
      return price && { price };
    },
  },
};

const app = Fastify();
app.register(mercurius, { schema, resolvers, jit: 1 });
console.log(`Node serves ${await app.listen({ host: "127.0.0.1", port: 0 })}/graphql`);
