/** Style sheets are vite's to bundle; a module that imports one gets nothing from it. */
declare module '*.css'
