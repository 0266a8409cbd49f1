//! Prints the schema that is served.

fn main() {
    println!("{}", headwater_graphql::Api::sdl().trim_end());
}
