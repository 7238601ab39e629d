export * from './aggregator.ts'
export * from './fedavg.ts'
export * from './share-cap.ts'
